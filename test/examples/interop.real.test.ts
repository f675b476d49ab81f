/** The programs that mix Coppice with another framework, on the real loop: what they wait for is not ours. */
import { checkStories } from "./stories.ts";

checkStories("interop", {
  effection: `
    Coppice waits for Effection
      the operation was halted and has cleaned up
      the scope whose time was up goes on after that
    Effection waits for Coppice
      a task of the tree was cancelled and has cleaned up
      the operation that won the race goes on after that
    Coppice waits for Effection, which waits for Coppice
      the innermost has cleaned up
      so has the one in the middle
      and the outermost goes on
  `,
  rxjs: `
    An Observable as a loop
      all its values, then the end: 1, 4, 9
      unsubscribed
      after a break
      unsubscribed
      after a cancellation while it waited
      three values at once do not fit into a buffer of two, and that is an error
      unless one asks for the latest: 3, with 2 dropped
    A tree of tasks as an Observable
      what its tasks emit, then the end: first, second
      unsubscribed after the first value, both tasks were cancelled and have cleaned up
      and an error is the same object on both sides
  `,
});
