CREATE ROLE shop LOGIN PASSWORD 'shop';
CREATE DATABASE shop OWNER shop;
\connect shop
SET ROLE shop;
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    amount integer NOT NULL
);
CREATE TABLE totals (orders bigint NOT NULL, amount bigint NOT NULL);
INSERT INTO orders (amount) SELECT 1 + i % 500 FROM generate_series(1, 20000) AS i;
INSERT INTO totals SELECT count(*), sum(amount) FROM orders;
