-- Read skew, then a write (G-single)
--
-- Somebody looks at one product, another sells from both, and the first deletes by a condition that
-- held when the look was taken. READ COMMITTED deletes by the new state: look and deletion belong
-- to different moments. From REPEATABLE READ on, a row that changed since can't be deleted.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10), (2, 20);

-- READ COMMITTED: happens
SELECT stock FROM products WHERE id = 1;      -- T1 => 10
UPDATE products SET stock = 8 WHERE id = 1;   -- T2
UPDATE products SET stock = 18 WHERE id = 2;  -- T2
COMMIT;                                       -- T2
DELETE FROM products WHERE stock = 20;        -- T1 => DELETE 0
COMMIT;                                       -- T1

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT stock FROM products WHERE id = 1;      -- T1 => 10
UPDATE products SET stock = 8 WHERE id = 1;   -- T2
UPDATE products SET stock = 18 WHERE id = 2;  -- T2
COMMIT;                                       -- T2
DELETE FROM products WHERE stock = 20;        -- T1 fails 40001
ROLLBACK;                                     -- T1
