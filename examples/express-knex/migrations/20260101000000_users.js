export const up = (knex) =>
  knex.schema.createTable("users", (table) => {
    table.increments("id");
    table.string("email", 80).notNullable().unique();
    table.string("short_code", 16).notNullable().unique();
    table.timestamps(true, true);
    table.timestamp("deleted_at");
  });

export const down = (knex) => knex.schema.dropTable("users");
