import"./part-777RM4SP.js";
