-- Circular information flow (G1c)
--
-- Each of two transactions prices a product by what the other one is writing. If both saw it, each
-- would have come after the other. Here neither sees it: both read what was there before, and that
-- is no order either. Only SERIALIZABLE minds.

CREATE TABLE products (id int PRIMARY KEY, price int NOT NULL);
INSERT INTO products VALUES (1, 10), (2, 20);

-- READ COMMITTED, REPEATABLE READ: prevented, but write skew happens
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 22 WHERE id = 2;  -- T2
SELECT price FROM products WHERE id = 2;      -- T1 => 20
SELECT price FROM products WHERE id = 1;      -- T2 => 10
COMMIT;                                       -- T1
COMMIT;                                       -- T2

-- SERIALIZABLE: prevented
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 22 WHERE id = 2;  -- T2
SELECT price FROM products WHERE id = 2;      -- T1 => 20
SELECT price FROM products WHERE id = 1;      -- T2 => 10
COMMIT;                                       -- T1
COMMIT;                                       -- T2 fails 40001
