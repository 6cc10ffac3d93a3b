(* SPDX-License-Identifier: MIT *)
(* Processes that each count to COUNT: count_procs.ml [PROCESSES [COUNT]] (default: 2, 200 million).

   The work of count_threads.ml with a runtime, and so a master lock, each. Run by
     ocaml -I +unix unix.cma count_procs.ml *)

let count n =
  let i = ref 0 in
  while !i < n do
    incr i
  done

let whole text =
  match int_of_string_opt text with
  | Some n when n > 0 -> n
  | _ ->
      Printf.eprintf "%s: '%s' is not a whole number from 1 up\n" Sys.argv.(0) text;
      exit 2

let argument i default = if Array.length Sys.argv > i then whole Sys.argv.(i) else default

let spawn n =
  match Unix.fork () with
  | 0 ->
      count n;
      Unix._exit 0
  | child -> child

let failed child = snd (Unix.waitpid [] child) <> Unix.WEXITED 0

let () =
  let workers = argument 1 2 and n = argument 2 200_000_000 in
  let start = Unix.gettimeofday () in
  let children = List.init workers (fun _ -> spawn n) in
  let failures = List.filter failed children in
  Printf.printf "processes: %d, each counted to %d: %.3f s\n" workers n (Unix.gettimeofday () -. start);
  exit (if failures = [] then 0 else 1)
