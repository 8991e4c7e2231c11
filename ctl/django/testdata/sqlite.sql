-- The tables of the original that are moved over, as Django 3.2 makes them in SQLite.
CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "first_name" varchar(150) NOT NULL);
CREATE TABLE "authtoken_token" ("key" varchar(40) NOT NULL PRIMARY KEY, "created" datetime NOT NULL, "user_id" integer NOT NULL UNIQUE REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "chat_chatsession" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "create_date" datetime NOT NULL, "update_date" datetime NOT NULL, "uri" varchar(200) NOT NULL, "owner_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "chat_chatsessionmessage" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "create_date" datetime NOT NULL, "update_date" datetime NOT NULL, "message" text NOT NULL, "chat_session_id" integer NOT NULL REFERENCES "chat_chatsession" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "chat_chatsessionmember" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "create_date" datetime NOT NULL, "update_date" datetime NOT NULL, "chat_session_id" integer NOT NULL REFERENCES "chat_chatsession" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX "chat_chatsession_owner_id_aec267f8" ON "chat_chatsession" ("owner_id");
CREATE INDEX "chat_chatsessionmessage_chat_session_id_377a3b7c" ON "chat_chatsessionmessage" ("chat_session_id");
CREATE INDEX "chat_chatsessionmessage_user_id_b5f88be1" ON "chat_chatsessionmessage" ("user_id");
CREATE INDEX "chat_chatsessionmember_chat_session_id_ce4150e8" ON "chat_chatsessionmember" ("chat_session_id");
CREATE INDEX "chat_chatsessionmember_user_id_0c3aee51" ON "chat_chatsessionmember" ("user_id");
