-- 10,000 products with more pieces than any run can sell, and a hundred orders of each of the 99
-- who have signed up: those of user 42 are 4200 to 4299, so that everybody can ask for their own.

INSERT INTO products (sku, name, price, stock)
SELECT 'SKU-' || n, 'Product ' || n, 100 + n % 900, 1000000000 - 3 * (n < 10000)::int
  FROM generate_series(1, 10000) AS n;

INSERT INTO stock_movements (product_id, quantity, reason)
SELECT id, 1000000000, 'initial'
  FROM products;

INSERT INTO orders (user_id, total, placed_at)
SELECT greatest(1, n / 100), 3 * (100 + n % 900),
       timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'
  FROM generate_series(1, 9999) AS n
 ORDER BY n;

INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
SELECT orders.id, products.id, 3, products.name, products.price
  FROM orders
  JOIN products ON products.id = orders.id;

INSERT INTO stock_movements (product_id, quantity, reason, order_id)
SELECT product_id, -quantity, 'order', order_id
  FROM order_items;

VACUUM ANALYZE users;
VACUUM ANALYZE sessions;
VACUUM ANALYZE refresh_tokens;
VACUUM ANALYZE products;
VACUUM ANALYZE stock_movements;
VACUUM ANALYZE orders;
VACUUM ANALYZE order_items;
