# SPDX-License-Identifier: Apache-2.0
"""Places an order every half second: a row, the running total, a line in the journal file.

Row and total belong to one transaction: a copy in which they disagree was taken in the middle.
"""

import os
import random
import time

import psycopg2

JOURNAL = "/var/lib/shop/orders.log"


def place(database, journal):
    amount = random.randint(1, 500)
    with database, database.cursor() as cursor:
        cursor.execute("INSERT INTO orders (amount) VALUES (%s) RETURNING id", (amount,))
        order = cursor.fetchone()[0]
        cursor.execute("UPDATE totals SET orders = orders + 1, amount = amount + %s", (amount,))
    journal.write(f"{order} {amount}\n")
    journal.flush()
    os.fsync(journal.fileno())


def main():
    database = psycopg2.connect(dbname="shop")
    with open(JOURNAL, "a", encoding="ascii") as journal:
        while True:
            place(database, journal)
            time.sleep(0.5)


main()
