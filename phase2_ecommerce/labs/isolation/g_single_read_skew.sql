-- Read skew (G-single)
--
-- Five pieces are carried from one warehouse to the other while somebody counts both. There are 20
-- all the time; the counter finds 25.

CREATE TABLE stocks (warehouse int PRIMARY KEY, pieces int NOT NULL);
INSERT INTO stocks VALUES (1, 10), (2, 10);

-- READ COMMITTED: happens
SELECT pieces FROM stocks WHERE warehouse = 1;       -- T1 => 10
UPDATE stocks SET pieces = 5 WHERE warehouse = 1;    -- T2
UPDATE stocks SET pieces = 15 WHERE warehouse = 2;   -- T2
COMMIT;                                              -- T2
SELECT pieces FROM stocks WHERE warehouse = 2;       -- T1 => 15
COMMIT;                                              -- T1

-- REPEATABLE READ, SERIALIZABLE: prevented
SELECT pieces FROM stocks WHERE warehouse = 1;       -- T1 => 10
UPDATE stocks SET pieces = 5 WHERE warehouse = 1;    -- T2
UPDATE stocks SET pieces = 15 WHERE warehouse = 2;   -- T2
COMMIT;                                              -- T2
SELECT pieces FROM stocks WHERE warehouse = 2;       -- T1 => 10
COMMIT;                                              -- T1
