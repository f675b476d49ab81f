/** The stories that the programs of examples/asyncio-class tell. */
import { checkStories } from "./stories.ts";

checkStories("asyncio-class", {
  "01-loop-task-future": `
    future: is it done? false
    loop: it is time
    future: set by a timer
    task: is it done? false; it has not even begun
    task: running
    task: 42
    loop: 2 s have passed
  `,
  "02-future-error": `
    off to the shop
    Ann: black coffee, the shop is closed
    Ben: black coffee, the shop is closed
    a second outcome is an InvalidStateError
  `,
  "03-callbacks": `
    nothing is done, and nobody waits
    the square of 2: 4
    the square of infinity: cancelled
    the square of 3: 9
    added a callback to a task that is done
    a late callback
  `,
  "04-hello-world": `
    Hello ...
    ... world!
  `,
  "05-display-date": `
    Thu, 01 Jan 2026 00:00:00 GMT
    Thu, 01 Jan 2026 00:00:01 GMT
    Thu, 01 Jan 2026 00:00:02 GMT
    Thu, 01 Jan 2026 00:00:03 GMT
    Thu, 01 Jan 2026 00:00:04 GMT
  `,
  "06-chain": `
    printSum: I need a sum
    compute: 1 + 2, which takes a second
    printSum: 1 + 2 = 3
  `,
  "07-slow-future": `
    waiter: waiting
    operation: started
    operation: the result is set
    waiter: the future is here
    latecomer: the future is here
  `,
  "08-parallel-factorials": `
    Task A: Compute factorial(2)...
    Task B: Compute factorial(2)...
    Task C: Compute factorial(2)...
    Task A: factorial(2) = 2
    Task B: Compute factorial(3)...
    Task C: Compute factorial(3)...
    Task B: factorial(3) = 6
    Task C: Compute factorial(4)...
    Task C: factorial(4) = 24
    2, 6, 24 after 3 s
  `,
});
