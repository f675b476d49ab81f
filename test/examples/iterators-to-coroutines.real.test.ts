/** The stories that the programs of examples/iterators-to-coroutines tell. */
import { checkStories } from "./stories.ts";

checkStories("iterators-to-coroutines", {
  "01-iterator": `
    a loop:
      3
      2
      1
    the same loop, by hand:
      3
      2
      1
    a loop with a break:
      3
      2
      left early, with 1 to go
    and spread: [ 3, 2, 1 ]
  `,
  "02-generator": `
    calling it runs nothing yet:
    the first next() starts it:
      (starting)
    a loop takes the rest:
      2
      1
      (cleaning up)
    a break is a return at the yield, so finally runs:
      (starting)
      3
      (cleaning up)
    even Fibonacci numbers: 0, 2, 8, 34, 144
  `,
  "03-event-loop": `
    rocket: 3 to go
    seats: 1 of 5
    balloon: 1 to go
    rocket: 2 to go
    seats: 2 of 5
    balloon: lift-off
    rocket: 1 to go
    seats: 3 of 5
    rocket: lift-off
    seats: 4 of 5
    seats: 5 of 5
  `,
  "04-send": `
    sent 10, the average is 10
    sent 20, the average is 15
    sent 60, the average is 30
    it returned 3
    grep found: a coroutine, two coroutines
  `,
  "05-trampoline": `
    3 and 4 make 5
    a plain function, 100000 calls deep: the stack overflows
    on the trampoline, as deep: 5000050000
  `,
  "06-delegation": `
    in order: alder, ash, beech, birch, hazel
    how wide? three
    "three" is no number; how wide? 3
    how high? 4
    the area is 12
  `,
  "07-exceptions": `
    an error that inner knows:
      inner catches: too far
      inner cleans up
      outer cleans up
    an error that nobody knows comes out again, as it was:
      inner cleans up
      outer cleans up
    a return passes every catch and runs every finally:
      inner cleans up
      outer cleans up
    an error before the first next() finds no try to run in:
      nothing to clean up
  `,
  "08-async-session": `
    session opened
    trees with an a:
      alder
      ash
      aspen
      (cursor closed)
    the first tree of all:
      alder
      (cursor closed)
    session closed
    it took 800 ms
  `,
  "09-time-limit": `
    in time: tea after 8 min
    too late: TimeoutError after 10 min
    kettles: off after 8 min, off after 10 min
  `,
});
