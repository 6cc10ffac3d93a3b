#!/usr/bin/env ruby
# SPDX-License-Identifier: MIT
# Processes that each count to COUNT: count_procs.rb [PROCESSES [COUNT]] (default: 2, 100 million).
#
# The work of count_threads.rb with an interpreter, and so a GVL, each.

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
children = Array.new(workers) { fork { count(n) } }
failed = children.count { |child| !Process.wait2(child)[1].success? }
printf("processes: %d, each counted to %d: %.3f s\n", workers, n, clock - start)
exit failed.zero?
