import"./part-GQHH6HGY.js";
