# SPDX-License-Identifier: MIT
# Four threads wait for work that comes every 20 ms and takes a moment; one thread computes beside them.
queue = Queue.new
pool = Array.new(4) do
  Thread.new do
    while queue.pop
      (1..1000).sum
    end
  end
end
20.times do
  sleep 0.02
  queue << 1
end
stop = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.8
i = 0
i += 1 while Process.clock_gettime(Process::CLOCK_MONOTONIC) < stop
pool.each { queue << nil }
pool.each(&:join)
