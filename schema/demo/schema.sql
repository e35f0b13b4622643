-- ive_ims: the inventory of a university's laboratories, small but with what real ones have: foreign keys, a key of two
-- columns, a key that is a UUID, money, dates, choices, photos, and a column that the server itself keeps up to date.
-- Runs on MySQL 8.0 and MariaDB 10.4, and on anything newer.

CREATE TABLE departments (
    id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    code        VARCHAR(8)   NOT NULL UNIQUE,
    name        VARCHAR(80)  NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE locations (
    id            INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    department_id INT UNSIGNED NOT NULL,
    building      VARCHAR(60)  NOT NULL,
    room          VARCHAR(20)  NOT NULL,
    UNIQUE KEY building_room (building, room),
    CONSTRAINT location_department FOREIGN KEY (department_id) REFERENCES departments (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE suppliers (
    id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name        VARCHAR(80)  NOT NULL UNIQUE,
    telephone   VARCHAR(20)  NULL,
    email       VARCHAR(120) NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE categories (
    id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    parent_id   INT UNSIGNED NULL,
    name        VARCHAR(60)  NOT NULL,
    CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES categories (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE items (
    id          INT UNSIGNED   NOT NULL AUTO_INCREMENT PRIMARY KEY,
    asset_tag   VARCHAR(24)    NOT NULL UNIQUE,
    name        VARCHAR(120)   NOT NULL,
    category_id INT UNSIGNED   NOT NULL,
    location_id INT UNSIGNED   NOT NULL,
    supplier_id INT UNSIGNED   NULL,
    status      ENUM('in use', 'in store', 'in repair', 'lent', 'scrapped') NOT NULL DEFAULT 'in store',
    hazards     SET('electric', 'heat', 'laser', 'radiation', 'glass')      NOT NULL DEFAULT '',
    price       DECIMAL(12, 2) NULL,
    bought_on   DATE           NULL,
    note        TEXT           NULL,
    photo       BLOB           NULL,
    updated_at  TIMESTAMP      NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    CONSTRAINT item_category FOREIGN KEY (category_id) REFERENCES categories (id),
    CONSTRAINT item_location FOREIGN KEY (location_id) REFERENCES locations (id),
    CONSTRAINT item_supplier FOREIGN KEY (supplier_id) REFERENCES suppliers (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Chemicals and other consumables: how much of what lies where. The key is item and place together.
CREATE TABLE stock (
    item_id     INT UNSIGNED   NOT NULL,
    location_id INT UNSIGNED   NOT NULL,
    quantity    DECIMAL(10, 3) NOT NULL,
    unit        VARCHAR(12)    NOT NULL,
    expires_on  DATE           NULL,
    PRIMARY KEY (item_id, location_id),
    CONSTRAINT stock_item FOREIGN KEY (item_id) REFERENCES items (id),
    CONSTRAINT stock_location FOREIGN KEY (location_id) REFERENCES locations (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE loans (
    id          INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    item_id     INT UNSIGNED NOT NULL,
    borrower    VARCHAR(80)  NOT NULL,
    lent_at     DATETIME     NOT NULL,
    due_on      DATE         NOT NULL,
    returned_at DATETIME     NULL,
    CONSTRAINT loan_item FOREIGN KEY (item_id) REFERENCES items (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE repairs (
    id          CHAR(36)       NOT NULL PRIMARY KEY,
    item_id     INT UNSIGNED   NOT NULL,
    done_on     DATE           NOT NULL,
    technician  VARCHAR(80)    NOT NULL,
    cost        DECIMAL(12, 2) NOT NULL DEFAULT 0,
    report      TEXT           NOT NULL,
    CONSTRAINT repair_item FOREIGN KEY (item_id) REFERENCES items (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
