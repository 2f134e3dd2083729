-- Write skew by phantoms, cured by a unique index
--
-- A rule about rows that don't exist yet has no row to lock. A unique index gives it a place: the
-- second order waits there until it is known whether the first one stays.

CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL);
CREATE UNIQUE INDEX orders_one_open_key ON orders (user_id);

-- READ COMMITTED, REPEATABLE READ: prevented
SELECT count(*) FROM orders WHERE user_id = 7;  -- T1 => 0
SELECT count(*) FROM orders WHERE user_id = 7;  -- T2 => 0
INSERT INTO orders VALUES (1, 7);               -- T1
INSERT INTO orders VALUES (2, 7);               -- T2 BLOCKS
COMMIT;                                         -- T1, T2 fails 23505
ROLLBACK;                                       -- T2
SELECT count(*) FROM orders WHERE user_id = 7;  -- after => 1

-- SERIALIZABLE: prevented
SELECT count(*) FROM orders WHERE user_id = 7;  -- T1 => 0
SELECT count(*) FROM orders WHERE user_id = 7;  -- T2 => 0
INSERT INTO orders VALUES (1, 7);               -- T1
INSERT INTO orders VALUES (2, 7);               -- T2 BLOCKS
COMMIT;                                         -- T1, T2 fails 40001
ROLLBACK;                                       -- T2
