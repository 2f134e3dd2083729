-- Anti-dependency cycle with two edges (G2)
--
-- An order (T1) reads which day it is in the books. The day is closed (T2), and the closed day's
-- report is printed (T3, which writes nothing). Then the order is booked on the closed day: the
-- printed report is wrong for ever. Any two of the three would have been harmless.

CREATE TABLE books (day int PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, day int NOT NULL, total int NOT NULL);
INSERT INTO books VALUES (1);
INSERT INTO orders VALUES (1, 1, 30);

-- READ COMMITTED, REPEATABLE READ: happens
SELECT day FROM books;                         -- T1 => 1
UPDATE books SET day = 2;                      -- T2
COMMIT;                                        -- T2
SELECT day FROM books;                         -- T3 => 2
SELECT sum(total) FROM orders WHERE day = 1;   -- T3 => 30
COMMIT;                                        -- T3
INSERT INTO orders VALUES (2, 1, 20);          -- T1
COMMIT;                                        -- T1
SELECT sum(total) FROM orders WHERE day = 1;   -- after => 50

-- SERIALIZABLE: prevented
SELECT day FROM books;                         -- T1 => 1
UPDATE books SET day = 2;                      -- T2
COMMIT;                                        -- T2
SELECT day FROM books;                         -- T3 => 2
SELECT sum(total) FROM orders WHERE day = 1;   -- T3 => 30
COMMIT;                                        -- T3
INSERT INTO orders VALUES (2, 1, 20);          -- T1 fails 40001
ROLLBACK;                                      -- T1
SELECT sum(total) FROM orders WHERE day = 1;   -- after => 30
