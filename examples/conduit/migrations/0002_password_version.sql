-- How often the password was changed. A token names the number of its day and holds no longer than that password.
ALTER TABLE users ADD COLUMN password_version INTEGER NOT NULL DEFAULT 0;
