import { randomInt } from "node:crypto";
import * as ccsync from "@ccsyncd/client";
import express from "express";
import knex from "knex";
import config from "./knexfile.js";

const db = knex(config);
const app = express();
app.use(express.json());

// A code is a credential: it opens the app.
const letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const shortCode = () => Array.from({ length: 10 }, () => letters[randomInt(letters.length)]).join("");

// A sign-up only writes to the app's own table. ccsyncd writes the code to the contact.
app.post("/users", async (req, res) => {
  const user = { email: req.body.email, short_code: shortCode() };
  const [{ id }] = await db("users").insert(user).returning("id");
  res.status(201).json({ id });
});

// The app sends an email with the code only when the contact has the code.
app.post("/users/:id/welcome", async (req, res) => {
  const { users } = await ccsync.push({ keys: [req.params.id], wait: "60s" });
  const [{ state, reason }] = users;
  if (state === "verified") console.log(`send the welcome mail to user ${req.params.id}`);
  res.json({ state, reason });
});

const port = Number(process.env.PORT ?? 3000);
app.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}`));
