-- Dirty write (G0)
--
-- A pair of shoes is two rows, and both have to cost the same. Two changes of the price run at
-- once. If the second may write over what the first has not yet committed, the pair ends at 22 and
-- 11.

CREATE TABLE products (id int PRIMARY KEY, price int NOT NULL);
INSERT INTO products VALUES (1, 10), (2, 10);

-- READ COMMITTED: prevented
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 22 WHERE id = 1;  -- T2 BLOCKS
UPDATE products SET price = 11 WHERE id = 2;  -- T1
COMMIT;                                       -- T1, T2 goes on => UPDATE 1
UPDATE products SET price = 22 WHERE id = 2;  -- T2
COMMIT;                                       -- T2
SELECT id, price FROM products ORDER BY id;   -- after => 1 22, 2 22

-- REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET price = 11 WHERE id = 1;  -- T1
UPDATE products SET price = 22 WHERE id = 1;  -- T2 BLOCKS
UPDATE products SET price = 11 WHERE id = 2;  -- T1
COMMIT;                                       -- T1, T2 fails 40001
ROLLBACK;                                     -- T2
SELECT id, price FROM products ORDER BY id;   -- after => 1 11, 2 11
