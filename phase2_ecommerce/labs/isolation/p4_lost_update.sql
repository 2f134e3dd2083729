-- Lost update (P4)
--
-- The classic of every shop: two buyers read a stock of 10, each takes one piece away in its head,
-- each writes 9. Two pieces are sold, and the stock has gone down by one.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10);

-- READ COMMITTED: happens
SELECT stock FROM products WHERE id = 1;     -- T1 => 10
SELECT stock FROM products WHERE id = 1;     -- T2 => 10
UPDATE products SET stock = 9 WHERE id = 1;  -- T1
UPDATE products SET stock = 9 WHERE id = 1;  -- T2 BLOCKS
COMMIT;                                      -- T1, T2 goes on => UPDATE 1
COMMIT;                                      -- T2
SELECT stock FROM products WHERE id = 1;     -- after => 9

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT stock FROM products WHERE id = 1;     -- T1 => 10
SELECT stock FROM products WHERE id = 1;     -- T2 => 10
UPDATE products SET stock = 9 WHERE id = 1;  -- T1
UPDATE products SET stock = 9 WHERE id = 1;  -- T2 BLOCKS
COMMIT;                                      -- T1, T2 fails 40001
ROLLBACK;                                    -- T2
SELECT stock FROM products WHERE id = 1;     -- after => 9
