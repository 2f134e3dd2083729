// Phase 1's two hot routes as one would write them in Express 5 with pg: the peer that a benchmark compares with.
'use strict';

const express = require('express');
const { Pool, types } = require('pg');

// pg gives bigint as text, because a JavaScript number can't hold all of them; ids and counts fit.
types.setTypeParser(types.builtins.INT8, Number);

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = express();

const USER = 'SELECT id, name, email, created_at FROM users WHERE id = $1';

const feed = (where) => `
  SELECT p.id, p.user_id, p.title, p.body, p.created_at, p.updated_at, u.name AS author_name,
         (SELECT count(*) FROM comments c WHERE c.post_id = p.id) AS comment_count
    FROM posts p
    JOIN users u ON u.id = p.user_id
  ${where}
   ORDER BY p.created_at DESC, p.id DESC
   LIMIT $1`;

const FEED = feed('');
const FEED_OF_AUTHOR = feed('WHERE p.user_id = $2');

app.get('/healthz', (req, res) => res.json({ status: 'ok' }));

app.get('/users/:id', async (req, res) => {
  const { rows } = await pool.query(USER, [req.params.id]);
  if (rows.length === 0) return res.status(404).json({ code: 'user_not_found' });
  res.json(rows[0]);
});

app.get('/feed', async (req, res) => {
  const limit = Number(req.query.limit ?? 20);
  const { user_id } = req.query;
  const { rows } = await (user_id
    ? pool.query(FEED_OF_AUTHOR, [limit + 1, user_id])
    : pool.query(FEED, [limit + 1]));
  const items = rows.slice(0, limit).map(({ author_name, comment_count, ...post }) => ({
    ...post,
    author: { id: post.user_id, name: author_name },
    comment_count,
  }));
  const last = items[items.length - 1];
  const next = rows.length > limit && Buffer.from(`${last.created_at.toISOString()}/${last.id}`).toString('base64url');
  res.json({ items, limit, next_cursor: next || null });
});

const server = app.listen(process.env.PORT, process.env.HOST);
process.on('SIGTERM', () => server.close(() => pool.end()));
