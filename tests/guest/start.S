/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From reset to beat_main().
 *
 * The whole image is a 64 KiB "BIOS": no SeaBIOS, no boot device.  It appears
 * at 0xFFFF0000, but everything is linked at LINK, in RAM, so ROM(symbol) is
 * where a symbol stands before the image has copied itself down.
 *
 *   reset, 16 bit  ->  32 bit flat  ->  copy the image to RAM
 *                  ->  long mode, 64 GiB mapped as they are  ->  beat_main()
 */

#define LINK      0x10000
#define ROM_BASE  0xFFFF0000
#define ROM(s)    ((s) - LINK + ROM_BASE)
/* The top page table, then one for the 64 GiB, then 64 with 2 MiB pages. */
#define TABLES    0x20000
#define STACK     0x9f000

        .section .start16, "ax"
        .code16
start16:
        cli
        cld
        lgdtl   %cs:(gdt_in_rom - LINK)
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x08, $ROM(start32)

        .code32
start32:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movb    $2, %al                 /* Address line 20 on. */
        outb    %al, $0x92

        movl    $ROM_BASE, %esi         /* The image, to RAM. */
        movl    $LINK, %edi
        movl    $0x4000, %ecx
        rep movsl

        xorl    %eax, %eax              /* Page tables, .bss, stack: zero. */
        movl    $TABLES, %edi
        movl    $((STACK - TABLES) / 4), %ecx
        rep stosl

        movl    $(TABLES + 0x1003), TABLES
        movl    $(TABLES + 0x1000), %edi
        movl    $(TABLES + 0x2003), %eax
        movl    $64, %ecx
1:      movl    %eax, (%edi)
        addl    $0x1000, %eax
        addl    $8, %edi
        loop    1b

        movl    $(TABLES + 0x2000), %edi
        movl    $0x83, %eax             /* Present, writable, 2 MiB. */
        xorl    %edx, %edx
        movl    $(64 * 512), %ecx
2:      movl    %eax, (%edi)
        movl    %edx, 4(%edi)
        addl    $0x200000, %eax
        adcl    $0, %edx
        addl    $8, %edi
        loop    2b

        movl    $TABLES, %eax
        movl    %eax, %cr3
        movl    $0x20, %eax             /* Physical address extension. */
        movl    %eax, %cr4
        movl    $0xC0000080, %ecx       /* EFER: long mode. */
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    $0x80000011, %eax       /* Paging and protection on. */
        movl    %eax, %cr0
        lgdt    gdt_in_ram
        ljmp    $0x18, $start64

        .code64
start64:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movq    $STACK, %rsp
        call    beat_main
3:      hlt
        jmp     3b

/* The timer only has to end a HLT. */
        .globl  timer_entry, spurious_entry, fault_entry
timer_entry:
        pushq   %rax
        movb    $0x20, %al              /* End of interrupt. */
        outb    %al, $0x20
        popq    %rax
spurious_entry:
        iretq
fault_entry:
        movq    %rsp, %rdi
        call    beat_fault
4:      hlt
        jmp     4b

        .align  16
gdt:    .quad   0
        .quad   0x00CF9B000000FFFF      /* 0x08: code, 32 bit */
        .quad   0x00CF93000000FFFF      /* 0x10: data */
        .quad   0x00AF9B000000FFFF      /* 0x18: code, 64 bit */
gdt_end:
gdt_in_rom:
        .word   gdt_end - gdt - 1
        .long   ROM(gdt)
        .align  8
gdt_in_ram:
        .word   gdt_end - gdt - 1
        .quad   gdt

        .section .reset, "ax"
        .code16
reset_vector:
        jmp     start16
        .fill   16 - (. - reset_vector), 1, 0x90

        .section .note.GNU-stack, "", @progbits
