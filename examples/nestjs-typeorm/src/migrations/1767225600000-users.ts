import type { MigrationInterface, QueryRunner } from "typeorm";

export class Users1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner) {
    await runner.query(`CREATE TABLE "user" (
      "id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      "email" character varying(80) NOT NULL UNIQUE,
      "shortCode" character varying(16) NOT NULL UNIQUE,
      "createdAt" TIMESTAMP NOT NULL DEFAULT now(),
      "deletedAt" TIMESTAMP
    )`);
  }

  async down(runner: QueryRunner) {
    await runner.query(`DROP TABLE "user"`);
  }
}
