-- Intermediate read (G1b)
--
-- A stocktaking empties the row and fills it again with what was counted. The zero in between is
-- nobody's business.

CREATE TABLE products (id int PRIMARY KEY, stock int NOT NULL);
INSERT INTO products VALUES (1, 10);

-- READ COMMITTED, REPEATABLE READ, SERIALIZABLE: prevented
UPDATE products SET stock = 0 WHERE id = 1;          -- T1
SELECT stock FROM products WHERE id = 1;             -- T2 => 10
UPDATE products SET stock = stock + 8 WHERE id = 1;  -- T1
COMMIT;                                              -- T1
COMMIT;                                              -- T2
SELECT stock FROM products WHERE id = 1;             -- after => 8
