\set user_id random(1, 1000)
\set one random(1, :hottest)
\set other random(5001, 10000)
\set key1 random(1, 1000000000000)
\set key2 random(1, 1000000000000)
WITH claimed AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended(asked.key, 0)) AS ours,
           known.fingerprint, known.order_id, known.movement_id
      FROM (VALUES ((:key1::text || '-' || :key2::text))) AS asked (key)
      LEFT JOIN idempotency_keys AS known ON known.key = asked.key
), locked AS (
    SELECT products.id, products.sku, products.name, products.price, products.stock,
           asked.quantity
      FROM unnest(ARRAY[:one, :other]::bigint[], ARRAY[1, 2]::bigint[]) AS asked (id, quantity)
      JOIN products ON products.id = asked.id
     WHERE (SELECT ours AND fingerprint IS NULL FROM claimed)
     ORDER BY products.id
       FOR NO KEY UPDATE OF products
), filled AS (
    SELECT sum(quantity * price)::bigint AS total
      FROM locked
    HAVING count(*) = cardinality(ARRAY[:one, :other]::bigint[])
       AND bool_and(quantity <= stock)
), placed AS (
    INSERT INTO orders (user_id, total)
    SELECT :user_id, total
      FROM filled
    RETURNING id, total, placed_at
), lines AS (
    INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
    SELECT placed.id, locked.id, locked.quantity, locked.name, locked.price
      FROM placed
     CROSS JOIN locked
    RETURNING order_id, product_id, quantity
), taken AS (
    UPDATE products
       SET stock = locked.stock - locked.quantity
      FROM placed
     CROSS JOIN locked
     WHERE products.id = locked.id
), moved AS (
    INSERT INTO stock_movements (product_id, quantity, reason, order_id)
    SELECT product_id, -quantity, 'order', order_id
      FROM lines
), kept AS (
    INSERT INTO idempotency_keys (key, fingerprint, order_id)
    SELECT (:key1::text || '-' || :key2::text), sha256('an order'), id
      FROM placed
)
SELECT claimed.ours, claimed.fingerprint, claimed.order_id, claimed.movement_id,
       placed.id, placed.total, placed.placed_at,
       locked.id, locked.sku, locked.name, locked.price, locked.stock, locked.quantity
  FROM claimed
  LEFT JOIN placed ON TRUE
  LEFT JOIN locked ON TRUE
 ORDER BY locked.id;
