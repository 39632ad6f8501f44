# SPDX-License-Identifier: Apache-2.0
"""Places five orders a second: a row, the running total, a line in the order log.

Row and total belong to one transaction: a copy in which they disagree was taken in the middle.
The log says when an order was known to be committed.
"""

import os
import random
import time
from pathlib import Path
from typing import TextIO

import psycopg2

LOG = Path("/var/lib/shop/orders.log")


def place(database: psycopg2.extensions.connection, log: TextIO) -> None:
    """Place one order."""
    amount = random.randint(1, 500)
    with database, database.cursor() as cursor:
        cursor.execute("INSERT INTO orders (amount) VALUES (%s) RETURNING id", (amount,))
        order = cursor.fetchone()[0]
        cursor.execute("UPDATE totals SET orders = orders + 1, amount = amount + %s", (amount,))
    log.write(f"{order} {amount} {time.time():.3f}\n")
    log.flush()
    os.fsync(log.fileno())


def main() -> None:
    """Place orders for ever."""
    database = psycopg2.connect(dbname="shop")
    with LOG.open("a", encoding="ascii") as log:
        while True:
            place(database, log)
            time.sleep(0.2)


main()
