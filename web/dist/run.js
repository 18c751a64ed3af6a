import"./part-B2EZACDL.js";
