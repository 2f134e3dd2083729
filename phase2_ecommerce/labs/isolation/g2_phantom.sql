-- Write skew by phantoms (G2)
--
-- A user may have one open order. Two requests count the user's open orders, find none, and each
-- places one. No row was there to be locked: what each must not miss is a row that doesn't exist
-- yet.

CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL);

-- READ COMMITTED, REPEATABLE READ: happens
SELECT count(*) FROM orders WHERE user_id = 7;  -- T1 => 0
SELECT count(*) FROM orders WHERE user_id = 7;  -- T2 => 0
INSERT INTO orders VALUES (1, 7);               -- T1
INSERT INTO orders VALUES (2, 7);               -- T2
COMMIT;                                         -- T1
COMMIT;                                         -- T2
SELECT count(*) FROM orders WHERE user_id = 7;  -- after => 2

-- SERIALIZABLE: prevented
SELECT count(*) FROM orders WHERE user_id = 7;  -- T1 => 0
SELECT count(*) FROM orders WHERE user_id = 7;  -- T2 => 0
INSERT INTO orders VALUES (1, 7);               -- T1
INSERT INTO orders VALUES (2, 7);               -- T2
COMMIT;                                         -- T1
COMMIT;                                         -- T2 fails 40001
SELECT count(*) FROM orders WHERE user_id = 7;  -- after => 1
