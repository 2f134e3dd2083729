-- Predicate-many-preceders, read (PMP)
--
-- A report lists the large orders, then all orders of today. An order that arrives between the two
-- stands in the second list and is missing in the first: a phantom.

CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
INSERT INTO orders VALUES (1, 10), (2, 20);

-- READ COMMITTED: happens
SELECT id FROM orders WHERE total >= 100;  -- T1 => nothing
INSERT INTO orders VALUES (3, 300);        -- T2
COMMIT;                                    -- T2
SELECT id FROM orders ORDER BY id;         -- T1 => 1, 2, 3
COMMIT;                                    -- T1

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT id FROM orders WHERE total >= 100;  -- T1 => nothing
INSERT INTO orders VALUES (3, 300);        -- T2
COMMIT;                                    -- T2
SELECT id FROM orders ORDER BY id;         -- T1 => 1, 2
COMMIT;                                    -- T1
