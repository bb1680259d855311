import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { TypeOrmModule } from "@nestjs/typeorm";
import dataSource from "./data-source.js";
import { User } from "./user.entity.js";
import { UsersController } from "./users.controller.js";

@Module({
  imports: [TypeOrmModule.forRoot(dataSource.options), TypeOrmModule.forFeature([User])],
  controllers: [UsersController],
})
class AppModule {}

const port = Number(process.env.PORT ?? 3000);
NestFactory.create(AppModule)
  .then((app) => app.listen(port, "127.0.0.1"))
  .then(() => console.log(`listening on http://127.0.0.1:${port}`));
