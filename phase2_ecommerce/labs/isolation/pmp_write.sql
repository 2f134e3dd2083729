-- Predicate-many-preceders, write (PMP)
--
-- Ten pieces of each product arrive; at once, somebody deletes what has a stock of 20. Before the
-- arrival that is product 2, after it product 1: in any order something is deleted. READ COMMITTED
-- picks the rows by the old state, looks at them again in the new one, and deletes nothing.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10), (2, 20);

-- READ COMMITTED: happens
UPDATE products SET stock = stock + 10;      -- T1
DELETE FROM products WHERE stock = 20;       -- T2 BLOCKS
COMMIT;                                      -- T1, T2 goes on => DELETE 0
COMMIT;                                      -- T2
SELECT id, stock FROM products ORDER BY id;  -- after => 1 20, 2 30

-- REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET stock = stock + 10;      -- T1
DELETE FROM products WHERE stock = 20;       -- T2 BLOCKS
COMMIT;                                      -- T1, T2 fails 40001
ROLLBACK;                                    -- T2
