-- Write skew (G2-item)
--
-- One piece in each of two warehouses, and a rule: one piece stays for the shop window. Two orders
-- look at both rows, find two pieces, and each takes the one from another warehouse. They write
-- different rows, so neither waits, and the window is empty.

CREATE TABLE stocks (warehouse int PRIMARY KEY, pieces int NOT NULL);
INSERT INTO stocks VALUES (1, 1), (2, 1);

-- READ COMMITTED, REPEATABLE READ: happens
SELECT sum(pieces) FROM stocks;                    -- T1 => 2
SELECT sum(pieces) FROM stocks;                    -- T2 => 2
UPDATE stocks SET pieces = 0 WHERE warehouse = 1;  -- T1
UPDATE stocks SET pieces = 0 WHERE warehouse = 2;  -- T2
COMMIT;                                            -- T1
COMMIT;                                            -- T2
SELECT sum(pieces) FROM stocks;                    -- after => 0

-- SERIALIZABLE: prevented
SELECT sum(pieces) FROM stocks;                    -- T1 => 2
SELECT sum(pieces) FROM stocks;                    -- T2 => 2
UPDATE stocks SET pieces = 0 WHERE warehouse = 1;  -- T1
UPDATE stocks SET pieces = 0 WHERE warehouse = 2;  -- T2
COMMIT;                                            -- T1
COMMIT;                                            -- T2 fails 40001
SELECT sum(pieces) FROM stocks;                    -- after => 1
