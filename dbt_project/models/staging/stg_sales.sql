{{ latest(source('raw', 'sales'), ['date', 'sku', 'market'], by='known_at') }}
