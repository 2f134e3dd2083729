\set id random(1, 10000)
SELECT id, name, email, created_at
  FROM users
 WHERE id = :id;
