import"./part-OP5YGCCQ.js";
