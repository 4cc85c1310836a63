"""A load test that Headwater records:

    locust -f clients/locust/example.py --headless -u 10 -r 2 -t 30s -H http://127.0.0.1:8080 \\
        --headwater-url http://127.0.0.1:9999
"""

from locust import HttpUser, constant, task

import headwater_locust  # noqa: F401: the line that records


class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task(3)
    def front_page(self):
        self.client.get("/", name="front page")

    @task
    def search(self):
        self.client.get("/search?q=shoes", name='search, "new shoes" \\ ü')

    @task
    def order(self):
        self.client.post("/orders", data="one of these", name="order")

    @task
    def too_late(self):
        self.client.get("/sold-out")
