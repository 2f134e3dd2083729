-- 1,000 users and 10,000 products with more pieces than any run can sell.

INSERT INTO users (name, email)
SELECT 'User ' || n, 'user' || n || '@example.org'
  FROM generate_series(1, 1000) AS n;

INSERT INTO products (sku, name, price, stock)
SELECT 'SKU-' || n, 'Product ' || n, 100 + n % 900, 1000000000
  FROM generate_series(1, 10000) AS n;

INSERT INTO stock_movements (product_id, quantity, reason)
SELECT id, stock, 'initial'
  FROM products;

VACUUM ANALYZE users;
VACUUM ANALYZE products;
VACUUM ANALYZE stock_movements;
