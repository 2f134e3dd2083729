\set user_id random(1, 1000)
SELECT listed.id, listed.user_id, listed.title, listed.body,
       listed.created_at, listed.updated_at,
       author.name,
       (SELECT count(*) FROM comments WHERE comments.post_id = listed.id)
  FROM posts AS listed
  JOIN users AS author ON author.id = listed.user_id
 WHERE listed.user_id = :user_id
 ORDER BY listed.created_at DESC, listed.id DESC
 LIMIT 21;
