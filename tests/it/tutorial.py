"""What a Redis course teaches of the collections, through redis-py: run by tests/it/interop.rs."""
import sys
import threading
import time

import redis

port = int(sys.argv[1])


def connect(**options):
    return redis.Redis(port=port, decode_responses=True, socket_timeout=30, **options)


def ranking(r):
    for name, points in [("ann", 5), ("bob", 3), ("cy", 9), ("bob", 4), ("ann", 1)]:
        r.zincrby("scores", points, name)
    assert r.zrevrange("scores", 0, -1, withscores=True) == [("cy", 9.0), ("bob", 7.0), ("ann", 6.0)]
    assert r.zrevrank("scores", "bob") == 1 and r.zscore("scores", "ann") == 6.0
    r.zadd("scores", {"dan": 7})
    assert r.zrangebyscore("scores", 6, 7) == ["ann", "bob", "dan"] and r.zcount("scores", "(6", "+inf") == 3


def sales(r):
    days = [{"tea": 3, "milk": 8}, {"tea": 5, "bread": 2}, {"milk": 1, "bread": 7}]
    for n, day in enumerate(days, 1):
        r.zadd(f"sales:{n}", day)
    keys = [f"sales:{n}" for n in (1, 2, 3)]
    assert r.zunionstore("best", keys, aggregate="MAX") == 3
    assert r.zrange("best", 0, -1, withscores=True) == [("tea", 5.0), ("bread", 7.0), ("milk", 8.0)]
    assert r.zunionstore("all", keys) == 3 and r.zrevrange("all", 0, 0, withscores=True) == [("milk", 9.0)]


def friends(r):
    r.sadd("friends:ann", "bob", "cy", "dan")
    r.sadd("friends:eve", "cy", "dan", "flo")
    assert r.sinter("friends:ann", "friends:eve") == {"cy", "dan"}
    assert r.sdiff("friends:eve", "friends:ann") == {"flo"}
    assert r.sunion("friends:ann", "friends:eve") == {"bob", "cy", "dan", "flo"}
    assert r.sinterstore("common", "friends:ann", "friends:eve") == 2 and r.scard("common") == 2


def cart(r):
    r.hset("cart:7", mapping={"tea": 1, "milk": 2})
    assert r.hincrby("cart:7", "tea", 2) == 3 and r.hdel("cart:7", "milk") == 1
    assert r.hgetall("cart:7") == {"tea": "3"} and r.hlen("cart:7") == 1
    assert r.hset("user:1", mapping={"name": "ann", "age": 33}) == 2
    assert r.hmget("user:1", "name", "age", "none") == ["ann", "33", None]


def delay_queue(r):
    """Tasks due at a time; four workers, each task handled once."""
    tasks, handled, lock = 200, [], threading.Lock()
    r.zadd("delayed", {f"task:{i}": time.time() + i % 5 / 20 for i in range(tasks)})

    def work():
        mine = connect()
        while True:
            due = mine.zrangebyscore("delayed", 0, time.time(), start=0, num=1)
            if due and mine.zrem("delayed", due[0]):
                with lock:
                    handled.append(due[0])
            elif not due:
                with lock:
                    if len(handled) >= tasks:
                        return
                time.sleep(0.005)

    workers = [threading.Thread(target=work) for _ in range(4)]
    [w.start() for w in workers]
    [w.join(30) for w in workers]
    assert sorted(handled) == sorted(f"task:{i}" for i in range(tasks)), len(handled)


def queue(r):
    """Producer and consumers by RPUSH and BLPOP; each element comes once, in order for each consumer."""
    got = [[], []]

    def consume(mine):
        c = connect()
        while (item := c.blpop("queue", timeout=20)) and item[1] != "end":
            mine.append(int(item[1]))

    consumers = [threading.Thread(target=consume, args=(g,)) for g in got]
    [c.start() for c in consumers]
    for i in range(500):
        r.rpush("queue", i)
    r.rpush("queue", "end", "end")
    [c.join(30) for c in consumers]
    assert sorted(got[0] + got[1]) == list(range(500)) and all(g == sorted(g) for g in got)
    began = time.monotonic()
    assert r.blpop("queue", timeout=0.2) is None and 0.19 <= time.monotonic() - began < 5


def others(r):
    r.geoadd("cities", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"))
    assert 166.2 < r.geodist("cities", "Palermo", "Catania", unit="km") < 166.3
    assert r.geosearch("cities", longitude=15, latitude=37, radius=100, unit="km") == ["Catania"]
    for i in range(1000):
        r.pfadd("visitors", f"v{i % 500}")
    assert 480 < r.pfcount("visitors") < 520
    r.rpush("numbers", 3, 1, 2)
    assert r.sort("numbers", desc=True) == ["3", "2", "1"]
    assert r.lrange("numbers", 0, -1) == ["3", "1", "2"] and r.lpop("numbers", 2) == ["3", "1"]


client = connect()
for lesson in (ranking, sales, friends, cart, delay_queue, queue, others):
    client.flushall()
    lesson(client)
    print(lesson.__name__)
