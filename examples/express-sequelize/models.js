import { DataTypes, Sequelize } from "sequelize";

export const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false });

// paranoid: a deleted user keeps the row and gets a deletedAt. The table is called Users.
export const User = sequelize.define(
  "User",
  {
    email: { type: DataTypes.STRING(80), allowNull: false, unique: true },
    shortCode: { type: DataTypes.STRING(16), allowNull: false, unique: true },
  },
  { paranoid: true },
);
