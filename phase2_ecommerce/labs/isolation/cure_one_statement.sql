-- Lost update, cured by one UPDATE
--
-- Nothing is read beforehand: the database itself takes one away, from what is there when it has
-- the row. READ COMMITTED looks at a row again after waiting for it, so the condition holds, too.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 1);

-- READ COMMITTED: prevented
UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock >= 1;  -- T1 => UPDATE 1
UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock >= 1;  -- T2 BLOCKS
COMMIT;                                                             -- T1, T2 goes on => UPDATE 0
COMMIT;                                                             -- T2
SELECT stock FROM products WHERE id = 1;                            -- after => 0

-- REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock >= 1;  -- T1 => UPDATE 1
UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock >= 1;  -- T2 BLOCKS
COMMIT;                                                             -- T1, T2 fails 40001
ROLLBACK;                                                           -- T2
