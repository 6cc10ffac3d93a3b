(* SPDX-License-Identifier: MIT *)
(* Threads that each count to COUNT: count_threads.ml [THREADS [COUNT]] (default: 2, 200 million).

   All threads of one domain share its master lock, so two take twice as long as one. Run by
     ocaml -I +unix -I +threads unix.cma threads.cma count_threads.ml
   or compile with ocamlfind ocamlopt -package threads.posix -linkpkg. OCaml 4 and 5. *)

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

let () =
  let workers = argument 1 2 and n = argument 2 200_000_000 in
  let start = Unix.gettimeofday () in
  List.init workers (fun _ -> Thread.create count n) |> List.iter Thread.join;
  Printf.printf "threads: %d, each counted to %d: %.3f s\n" workers n (Unix.gettimeofday () -. start)
