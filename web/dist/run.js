import"./part-7JTORSF3.js";
