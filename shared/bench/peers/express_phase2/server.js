// Phase 2's order as one would write it in Express 5 with pg: the peer that a benchmark compares with.
'use strict';

const { createHash } = require('node:crypto');
const express = require('express');
const { Pool, types } = require('pg');

// pg gives bigint as text, because a JavaScript number can't hold all of them; ids and counts fit.
types.setTypeParser(types.builtins.INT8, Number);

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = express();
app.use(express.json());

app.get('/healthz', (req, res) => res.json({ status: 'ok' }));

app.post('/orders', async (req, res) => {
  const key = req.get('Idempotency-Key');
  if (!key) return res.status(400).json({ code: 'idempotency_key_missing' });
  const { user_id, items } = req.body;
  if (!Number.isInteger(user_id) || !Array.isArray(items) || items.length === 0) {
    return res.status(422).json({ code: 'invalid_payload' });
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(req.body)).digest();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const order = await placeOrder(client, key, fingerprint, user_id, items);
    await client.query('COMMIT');
    res.status(201).location(`/orders/${order.id}`).json(order);
  } catch (error) {
    await client.query('ROLLBACK');
    if (!error.status) throw error;
    res.status(error.status).json({ code: error.message });
  } finally {
    client.release();
  }
});

async function placeOrder(client, key, fingerprint, userId, items) {
  const known = await client.query('SELECT fingerprint, order_id FROM idempotency_keys WHERE key = $1', [key]);
  if (known.rows.length > 0) {
    if (!known.rows[0].fingerprint.equals(fingerprint)) throw refusal(422, 'idempotency_key_reused');
    return readOrder(client, known.rows[0].order_id);
  }

  const lines = [];
  for (const { product_id, quantity } of [...items].sort((a, b) => a.product_id - b.product_id)) {
    const { rows } = await client.query(
      `UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2
       RETURNING id AS product_id, sku, name, $2::bigint AS quantity, price AS unit_price`,
      [product_id, quantity]);
    if (rows.length === 0) throw refusal(409, 'out_of_stock');
    lines.push(rows[0]);
  }

  const total = lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  const { rows: [order] } = await client.query(
    'INSERT INTO orders (user_id, total) VALUES ($1, $2) RETURNING id, user_id, status, total, placed_at',
    [userId, total]);
  const column = (name) => lines.map((line) => line[name]);
  await client.query(
    `INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
     SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[])`,
    [order.id, column('product_id'), column('quantity'), column('name'), column('unit_price')]);
  await client.query(
    `INSERT INTO stock_movements (product_id, quantity, reason, order_id)
     SELECT product_id, -quantity, 'order', $1 FROM unnest($2::bigint[], $3::bigint[]) AS line (product_id, quantity)`,
    [order.id, column('product_id'), column('quantity')]);
  await client.query(
    'INSERT INTO idempotency_keys (key, fingerprint, order_id) VALUES ($1, $2, $3)', [key, fingerprint, order.id]);
  return { ...order, items: lines };
}

async function readOrder(client, id) {
  const { rows: [order] } = await client.query(
    'SELECT id, user_id, status, total, placed_at FROM orders WHERE id = $1', [id]);
  const { rows: items } = await client.query(
    `SELECT i.product_id, p.sku, i.name, i.quantity, i.unit_price
       FROM order_items i JOIN products p ON p.id = i.product_id WHERE i.order_id = $1 ORDER BY i.product_id`, [id]);
  return { ...order, items };
}

function refusal(status, code) {
  return Object.assign(new Error(code), { status });
}

const server = app.listen(process.env.PORT, process.env.HOST);
process.on('SIGTERM', () => server.close(() => pool.end()));
