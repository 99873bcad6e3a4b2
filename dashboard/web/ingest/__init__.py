"""How reports come in: `writer` stores messages, `body` reads requests, `routes` is the address."""
