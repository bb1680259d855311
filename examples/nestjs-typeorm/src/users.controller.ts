import { randomInt } from "node:crypto";
import { Body, Controller, HttpCode, Logger, Param, Post } from "@nestjs/common";
import { InjectRepository } from "@nestjs/typeorm";
import * as ccsync from "@ccsyncd/client";
import { Repository } from "typeorm";
import { User } from "./user.entity.js";

// A code is a credential: it opens the app.
const letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const shortCode = () => Array.from({ length: 10 }, () => letters[randomInt(letters.length)]).join("");

@Controller("users")
export class UsersController {
  private readonly log = new Logger(UsersController.name);

  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  // A sign-up only writes to the app's own table. ccsyncd writes the code to the contact.
  @Post()
  async signUp(@Body() { email }: { email: string }) {
    const { id } = await this.users.save({ email, shortCode: shortCode() });
    return { id };
  }

  // The app sends an email with the code only when the contact has the code.
  @Post(":id/welcome")
  @HttpCode(200)
  async welcome(@Param("id") id: string) {
    const { users } = await ccsync.push({ keys: [id], wait: "60s" });
    const [{ state, reason }] = users;
    if (state === "verified") this.log.log(`send the welcome mail to user ${id}`);
    return { state, reason };
  }
}
