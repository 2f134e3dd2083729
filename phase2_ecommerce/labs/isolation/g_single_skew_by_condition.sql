-- Read skew, by a condition (G-single)
--
-- A report counts the open orders, then the cancelled ones. An order is cancelled between the two:
-- it is counted twice.

CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL);
INSERT INTO orders VALUES (1, 'placed'), (2, 'placed');

-- READ COMMITTED: happens
SELECT count(*) FROM orders WHERE status = 'placed';     -- T1 => 2
UPDATE orders SET status = 'cancelled' WHERE id = 1;     -- T2
COMMIT;                                                  -- T2
SELECT count(*) FROM orders WHERE status = 'cancelled';  -- T1 => 1
COMMIT;                                                  -- T1

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT count(*) FROM orders WHERE status = 'placed';     -- T1 => 2
UPDATE orders SET status = 'cancelled' WHERE id = 1;     -- T2
COMMIT;                                                  -- T2
SELECT count(*) FROM orders WHERE status = 'cancelled';  -- T1 => 0
COMMIT;                                                  -- T1
