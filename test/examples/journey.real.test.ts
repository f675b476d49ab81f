/** The stories that the programs of examples/journey tell. */
import { checkStories } from "./stories.ts";

checkStories("journey", {
  "01-directory-class": `
    a block that ends:
      made a directory
      it holds map.txt
      removed it
    a block that throws:
      made a directory
      removed it
  `,
  "02-directory-generator": `
    a block that ends:
      made a directory
      it holds map.txt
      removed it
    a block that throws:
      made a directory
      removed it
    a function that throws:
      made a directory
      something went wrong: off the map
      removed it
  `,
  "03-directory-async": `
    the class:
      made a directory
      it holds map.txt
      removed it
    the generator:
      made a directory
      it holds map.txt
      removed it
  `,
  "04-task": `
    both are under way
    small: 1
    large: 40
    small: 3
    large: 90
    large: RangeError: 90 + 60 is too much
    small: 6
    small: done
  `,
  "05-task-future": `
    oaks: dividing
    elms: dividing
    compare: the elms are 8 m higher
    palms: dividing
    main: no palms: RangeError: division by zero
  `,
  "06-recursion": `
    a function: the stack overflows
    a coroutine: 1000000 levels down and up again
    an error from the bottom: 100000 finally blocks ran
  `,
});
