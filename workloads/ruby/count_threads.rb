#!/usr/bin/env ruby
# SPDX-License-Identifier: MIT
# Threads that each count to COUNT: count_threads.rb [THREADS [COUNT]] (default: 2, 100 million).
#
# All threads of one Ruby share its GVL, so two take twice as long as one, which is "count_threads.rb 1".

def count(n)
  i = 0
  i += 1 while i < n
end

def whole(text)
  return text.to_i if text =~ /\A0*[1-9][0-9]*\z/
  warn "#{$0}: '#{text}' is not a whole number from 1 up"
  exit 2
end

def clock
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

workers = ARGV[0] ? whole(ARGV[0]) : 2
n = ARGV[1] ? whole(ARGV[1]) : 100_000_000
start = clock
Array.new(workers) { Thread.new { count(n) } }.each(&:join)
printf("threads: %d, each counted to %d: %.3f s\n", workers, n, clock - start)
