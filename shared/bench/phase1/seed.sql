-- 10,000 users, a thousand of whom wrote 100 posts each, and 100,000 comments.

INSERT INTO users (name, email, created_at)
SELECT 'User ' || n, 'user' || n || '@example.org',
       timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'
  FROM generate_series(1, 10000) AS n;

INSERT INTO posts (user_id, title, body, created_at, updated_at)
SELECT 1 + n * 7919 % 1000, 'Post ' || n, repeat('Text of post ' || n || '. ', 10), at, at
  FROM generate_series(1::bigint, 100000) AS n,
       LATERAL (SELECT timestamptz '2026-02-01 00:00Z' + n * interval '1 second' AS at) AS instant;

INSERT INTO comments (post_id, user_id, body)
SELECT 1 + n * 104729 % 100000, 1 + n * 7907 % 10000, 'Comment ' || n
  FROM generate_series(1::bigint, 100000) AS n;

VACUUM ANALYZE users;
VACUUM ANALYZE posts;
VACUUM ANALYZE comments;
