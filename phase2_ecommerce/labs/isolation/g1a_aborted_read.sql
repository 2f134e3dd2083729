-- Aborted read (G1a)
--
-- An order takes all that is left and is rolled back. Whoever reads meanwhile must not be told that
-- the product is sold out: it never was.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10);

-- READ COMMITTED, REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET stock = 0 WHERE id = 1;  -- T1
SELECT stock FROM products WHERE id = 1;     -- T2 => 10
ROLLBACK;                                    -- T1
SELECT stock FROM products WHERE id = 1;     -- T2 => 10
COMMIT;                                      -- T2
