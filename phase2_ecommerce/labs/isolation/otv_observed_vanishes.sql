-- Observed transaction vanishes (OTV)
--
-- Two changes of the prices of a pair, one behind the other, and a reader. Who has seen the first
-- change on the left shoe must not find the right one as if it had never been made.

CREATE TABLE products (id int PRIMARY KEY, price int NOT NULL);
INSERT INTO products VALUES (1, 10), (2, 10);

-- READ COMMITTED: prevented
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 11 WHERE id = 2;  -- T1
UPDATE products SET price = 22 WHERE id = 1;  -- T2 BLOCKS
COMMIT;                                       -- T1, T2 goes on
SELECT price FROM products WHERE id = 1;      -- T3 => 11
UPDATE products SET price = 22 WHERE id = 2;  -- T2
SELECT price FROM products WHERE id = 2;      -- T3 => 11
COMMIT;                                       -- T3
COMMIT;                                       -- T2
SELECT id, price FROM products ORDER BY id;   -- after => 1 22, 2 22

-- REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 11 WHERE id = 2;  -- T1
UPDATE products SET price = 22 WHERE id = 1;  -- T2 BLOCKS
COMMIT;                                       -- T1, T2 fails 40001
SELECT price FROM products WHERE id = 1;      -- T3 => 11
ROLLBACK;                                     -- T2
SELECT price FROM products WHERE id = 2;      -- T3 => 11
COMMIT;                                       -- T3
