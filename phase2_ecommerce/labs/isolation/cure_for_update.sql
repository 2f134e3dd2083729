-- Lost update, cured by FOR UPDATE
--
-- Who is going to write a row locks it when reading it. The second buyer waits before the read, and
-- reads what the first one left.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10);

-- READ COMMITTED: prevented
SELECT stock FROM products WHERE id = 1 FOR UPDATE;  -- T1 => 10
SELECT stock FROM products WHERE id = 1 FOR UPDATE;  -- T2 BLOCKS
UPDATE products SET stock = 9 WHERE id = 1;          -- T1
COMMIT;                                              -- T1, T2 goes on => 9
UPDATE products SET stock = 8 WHERE id = 1;          -- T2
COMMIT;                                              -- T2
SELECT stock FROM products WHERE id = 1;             -- after => 8

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT stock FROM products WHERE id = 1 FOR UPDATE;  -- T1 => 10
SELECT stock FROM products WHERE id = 1 FOR UPDATE;  -- T2 BLOCKS
UPDATE products SET stock = 9 WHERE id = 1;          -- T1
COMMIT;                                              -- T1, T2 fails 40001
ROLLBACK;                                            -- T2
