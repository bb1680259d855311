import { DataSource } from "typeorm";
import { Users1767225600000 } from "./migrations/1767225600000-users.js";
import { User } from "./user.entity.js";

export default new DataSource({
  type: "postgres",
  url: process.env.DATABASE_URL,
  entities: [User],
  migrations: [Users1767225600000],
});
